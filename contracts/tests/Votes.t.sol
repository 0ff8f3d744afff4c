// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Ledger} from "../src/Ledger.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// Who votes with how much, what it takes to win, and that a signed ballot or proposal counts for nothing else.
contract VotesTest is GrantsFixture {
    // Votes

    function usePolicy(uint16 quorumPercent, uint256 quorumFloor) private {
        AssetFactory.AssetParams memory p = params(keccak256(abi.encode(quorumPercent, quorumFloor)));
        (p.governance.query.quorumPercent, p.governance.query.quorumFloor) = (quorumPercent, quorumFloor);
        (p.governance.copy, p.governance.constitution) = (p.governance.query, p.governance.query);
        useAsset(p);
        grow();
    }

    function outcome(bytes32 salt, uint8[4] memory ballots) private returns (IGovernor.ProposalState) {
        uint256 proposal = propose(approvalOf(ask(termsOf(salt))), stranger);
        for (uint256 i = 0; i < 4; i++) {
            // 3 stands for those who do not vote.
            if (ballots[i] != 3) vote(proposal, i, ballots[i]);
        }
        vm.warp(governor.proposalDeadline(proposal) + 1);
        return governor.state(proposal);
    }

    function comesTo(bytes32 salt, uint8[4] memory ballots, IGovernor.ProposalState expected) private {
        vm.assertEq(uint256(outcome(salt, ballots)), uint256(expected), string(abi.encodePacked(salt)));
    }

    function test_QuorumHasAFloor() public {
        usePolicy(0, 4e18);
        comesTo("1 + 2 for", [FOR, FOR, 3, 3], IGovernor.ProposalState.Defeated);
        comesTo("1 + 3 for", [FOR, 3, FOR, 3], IGovernor.ProposalState.Succeeded);
        vm.assertEq(governor.quorum(vm.getBlockTimestamp() - 1), 4e18, "floor");
    }

    function test_QuorumIsAPartOfAllShares() public {
        usePolicy(50, 1);
        comesTo("4 of 10 for", [3, 3, 3, FOR], IGovernor.ProposalState.Defeated);
        comesTo("5 of 10 for", [FOR, 3, 3, FOR], IGovernor.ProposalState.Succeeded);
        // Shares that wait in the ledger count in the whole, though they cannot vote.
        post(claimsOf(1));
        skip(1);
        comesTo("5 of 11 for", [FOR, 3, 3, FOR], IGovernor.ProposalState.Defeated);
        comesTo("6 of 11 for", [3, FOR, 3, FOR], IGovernor.ProposalState.Succeeded);
    }

    function test_AbstentionsMakeTheQuorumButNotTheMajority() public {
        usePolicy(0, 5e18);
        comesTo("for 1, abstain 4", [FOR, 3, 3, ABSTAIN], IGovernor.ProposalState.Succeeded);
        comesTo("abstain 7", [3, 3, ABSTAIN, ABSTAIN], IGovernor.ProposalState.Defeated);
        comesTo("for 4, against 6", [AGAINST, AGAINST, AGAINST, FOR], IGovernor.ProposalState.Defeated);
        comesTo("for 5, against 5", [FOR, AGAINST, AGAINST, FOR], IGovernor.ProposalState.Defeated);
        comesTo("for 6, against 4", [FOR, FOR, FOR, AGAINST], IGovernor.ProposalState.Succeeded);
    }

    function test_VotesAreThoseOfTheSecondBeforeTheProposal() public {
        Action memory a = approvalOf(ask(termsOf("one")));
        vm.prank(owner(2));
        token.transfer(stranger, 1e18);
        skip(1);
        // Borrowed in the second of the proposal, and given back in it: neither counts.
        vm.prank(owner(3));
        token.transfer(stranger, 4e18);
        uint256 proposal = propose(a, stranger);
        vm.assertEq(governor.proposalSnapshot(proposal), vm.getBlockTimestamp() - 1, "snapshot");
        vm.prank(stranger);
        governor.castVote(proposal, AGAINST);
        vm.prank(stranger);
        token.transfer(owner(3), 4e18);
        skip(1);
        vote(proposal, 3, FOR);
        vote(proposal, 2, FOR);
        (uint256 against, uint256 pro,) = governor.proposalVotes(proposal);
        vm.assertEq(pro, 4e18 + 2e18, "the lender still votes, not for what was sold before");
        vm.assertEq(against, 1e18, "what it had a second earlier");
    }

    function test_SharesThatWaitInTheLedgerDoNotVote() public {
        Ledger.Claim[] memory claims = claimsOf(addressesOf(ownerKeys), new uint256[](4));
        claims[0].amount = 50e18;
        post(claims);
        skip(1);
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        skip(2);
        ledger.claim(claims[0], proofOf(leavesOf(claims), 0));
        vote(proposal, 0, FOR);
        vm.prank(address(ledger));
        governor.castVote(proposal, AGAINST);
        (uint256 against, uint256 pro,) = governor.proposalVotes(proposal);
        vm.assertEq(pro, 1e18, "what was claimed before");
        vm.assertEq(against, 0, "the ledger has no votes");
    }

    function test_OneVoteAnOwner() public {
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        skip(2);
        vote(proposal, 0, FOR);
        bytes memory twice = abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, owner(0));
        vm.prank(owner(0));
        refuses(address(governor), castCall(proposal, AGAINST), twice);
        bytes memory s = ballot(ownerKeys[0], proposal, AGAINST, ballotNonce(proposal));
        refuses(
            address(governor), abi.encodeCall(governor.castVoteBySig, (proposal, AGAINST, owner(0), s)), twice
        );
    }

    // Ballots and proposals by signature

    function refusesBallot(uint256 proposal, uint8 support, address voter, bytes memory s) private {
        refuses(
            address(governor),
            abi.encodeCall(governor.castVoteBySig, (proposal, support, voter, s)),
            abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, voter)
        );
    }

    function test_BallotCountsForOneProposalVoteVoterChainAndGovernor() public {
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        uint256 other = propose(approvalOf(ask(termsOf("two"))), stranger);
        bytes memory s = ballot(ownerKeys[0], proposal, FOR, ballotNonce(proposal));
        skip(2);
        refusesBallot(other, FOR, owner(0), s);
        refusesBallot(proposal, AGAINST, owner(0), s);
        refusesBallot(proposal, ABSTAIN, owner(0), s);
        refusesBallot(proposal, FOR, owner(1), s);
        refusesBallot(proposal, FOR, address(0), s);
        refusesBallot(proposal, FOR, owner(0), bytes.concat(s, hex"00"));
        refusesBallot(proposal, FOR, owner(0), ballot(ownerKeys[0], proposal, FOR, ballotNonce(proposal) + 1));
        refusesBallot(proposal, FOR, owner(0), ballot(ownerKeys[0], proposal, FOR, ballotNonce(other)));
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesBallot(proposal, FOR, owner(0), s);
        vm.chainId(chain);
        vm.prank(stranger);
        governor.castVoteBySig(proposal, FOR, owner(0), s);
        (, uint256 pro,) = governor.proposalVotes(proposal);
        vm.assertEq(pro, 1e18, "the owner's votes");
        // Used: its nonce is behind.
        refusesBallot(proposal, FOR, owner(0), s);
        useAsset(params("twin"));
        grow();
        ask(termsOf("one"));
        skip(2);
        refusesBallot(proposal, FOR, owner(0), s);
    }

    /// Nobody needs to know in which order ballots will be sent, and one that is never sent stops no other.
    function test_BallotsAreSentInAnyOrder() public {
        uint256[3] memory proposals;
        bytes[3] memory ballots;
        for (uint256 i = 0; i < 3; i++) {
            proposals[i] = propose(approvalOf(ask(termsOf(bytes32(i + 1)))), stranger);
            ballots[i] = ballot(ownerKeys[0], proposals[i], FOR, ballotNonce(proposals[i]));
        }
        skip(2);
        governor.castVoteBySig(proposals[2], FOR, owner(0), ballots[2]);
        governor.castVoteBySig(proposals[0], FOR, owner(0), ballots[0]);
        vm.assertTrue(governor.hasVoted(proposals[2], owner(0)) && governor.hasVoted(proposals[0], owner(0)), "voted");
        vm.assertTrue(!governor.hasVoted(proposals[1], owner(0)), "this one was never sent");
    }

    function proposalSignature(uint256 key, Action memory a, uint256 deadline) private view returns (bytes memory) {
        bytes32 structHash =
            keccak256(abi.encode(keccak256(bytes(PROPOSE_TYPE)), proposalOf(a), vm.addr(key), deadline));
        return signature(key, typedDigest("Trove Governor", block.chainid, address(governor), structHash));
    }

    function bySig(Action memory a, address proposer, uint256 deadline, bytes memory s)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(
            governor.proposeBySig, (a.targets, a.values, a.calldatas, a.description, proposer, deadline, s)
        );
    }

    function refusesSignedProposal(Action memory a, address proposer, uint256 deadline, bytes memory s) private {
        refuses(
            address(governor),
            bySig(a, proposer, deadline, s),
            abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, proposer)
        );
    }

    function test_SignedProposalIsForOneProposerDeadlineChainAndGovernor() public {
        Action memory a = revocationOf("one");
        bytes memory s = proposalSignature(ownerKeys[0], a, DEADLINE);
        refusesSignedProposal(a, owner(1), DEADLINE, s);
        refusesSignedProposal(a, owner(0), DEADLINE + 1, s);
        refusesSignedProposal(revocationOf("two"), owner(0), DEADLINE, s);
        refusesSignedProposal(runnersAction(new address[](0)), owner(0), DEADLINE, s);
        Action memory described = revocationOf("one");
        described.description = "Take it";
        refusesSignedProposal(described, owner(0), DEADLINE, s);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesSignedProposal(a, owner(0), DEADLINE, s);
        vm.chainId(chain);
        vm.prank(stranger);
        (bool ok,) = address(governor).call(bySig(a, owner(0), DEADLINE, s));
        vm.assertTrue(ok, "by anybody who pays the gas");
        vm.assertEq(governor.proposalProposer(proposalOf(a)), owner(0), "the signer is the proposer");
        (ok,) = address(governor).call(bySig(a, owner(0), DEADLINE, s));
        vm.assertTrue(!ok, "once");
        useAsset(params("twin"));
        grow();
        // The same action on the same contract would be another's: this governor does not know it.
        refusesSignedProposal(a, owner(0), DEADLINE, s);
    }

    function test_SignedProposalHoldsUntilItsDeadlineAndTakesTheSignersVotes() public {
        Action memory a = revocationOf("one");
        uint256 deadline = vm.getBlockTimestamp() + 50;
        bytes memory s = proposalSignature(ownerKeys[0], a, deadline);
        vm.warp(deadline + 1);
        refuses(
            address(governor),
            bySig(a, owner(0), deadline, s),
            abi.encodeWithSelector(AssetGovernor.SignatureExpired.selector, deadline)
        );
        vm.warp(deadline);
        // The sender's votes do not stand in for the signer's.
        bytes memory poor = proposalSignature(BUYER_KEY, a, deadline);
        vm.prank(owner(3));
        refuses(
            address(governor),
            bySig(a, buyer, deadline, poor),
            abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, buyer, 0, 1e18)
        );
        (bool ok,) = address(governor).call(bySig(a, owner(0), deadline, s));
        vm.assertTrue(ok, "at the last second");
    }
}
