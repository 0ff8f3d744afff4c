// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Grants} from "../src/Grants.sol";
import {Registry} from "../src/Registry.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// Proposes, votes and gives the shares back, all in one transaction.
contract Borrower {
    function attack(ShareToken token, AssetGovernor governor, address lender, address[] memory t, bytes[] memory c)
        external
    {
        uint256 amount = token.balanceOf(lender);
        token.transferFrom(lender, address(this), amount);
        uint256 proposal = governor.propose(t, new uint256[](1), c, governor.requestDescription(_request(c[0])));
        governor.castVote(proposal, 1);
        token.transfer(lender, amount);
    }

    function _request(bytes memory data) private pure returns (bytes32 request) {
        assembly ("memory-safe") {
            request := mload(add(data, 36))
        }
    }
}

/// Queries, copies and the constitution take ever more; and who tries to get the heavier for the price of the lighter.
contract ClassesTest is GrantsFixture {
    function copyTerms(bytes32 salt) private view returns (Grants.Terms memory t) {
        t = termsOf(salt);
        (t.use, t.epsilon) = (2, 0);
    }

    function isNow(uint256 proposal, IGovernor.ProposalState expected, string memory what) private view {
        vm.assertEq(uint256(governor.state(proposal)), uint256(expected), what);
    }

    function isUnder(uint256 proposal, AssetGovernor.Class class, AssetGovernor.Rules memory expected) private view {
        (AssetGovernor.Class c, AssetGovernor.Rules memory r) = governor.rulesFor(proposal);
        vm.assertEq(uint256(c), uint256(class), "class");
        vm.assertEq(keccak256(abi.encode(r)), keccak256(abi.encode(expected)), "rules");
        vm.assertEq(governor.proposalDeadline(proposal), vm.getBlockTimestamp() + expected.votingPeriod, "period");
    }

    /// The owners have 1, 2, 3 and 4 of 10 shares.
    function outcome(Action memory a, uint8[4] memory ballots) private returns (IGovernor.ProposalState) {
        uint256 proposal = propose(a, owner(3));
        for (uint256 i = 0; i < 4; i++) {
            // 3 stands for those who do not vote.
            if (ballots[i] != 3) vote(proposal, i, ballots[i]);
        }
        vm.warp(governor.proposalDeadline(proposal) + 1);
        return governor.state(proposal);
    }

    function succeeds(Action memory a, uint8[4] memory ballots) private {
        vm.assertEq(uint256(outcome(a, ballots)), uint256(IGovernor.ProposalState.Succeeded), a.description);
    }

    function fails(Action memory a, uint8[4] memory ballots) private {
        vm.assertEq(uint256(outcome(a, ballots)), uint256(IGovernor.ProposalState.Defeated), a.description);
    }

    function pauseAction(uint256 until) private view returns (Action memory) {
        return actionOf(address(registry), abi.encodeCall(Registry.pauseUntil, (until)), "Wait");
    }

    function test_EachActionHasItsClass() public {
        AssetGovernor.Governance memory g = governance();
        isUnder(propose(approvalOf(ask(termsOf("q"))), stranger), AssetGovernor.Class.Query, g.query);
        isUnder(propose(approvalOf(ask(copyTerms("c"))), stranger), AssetGovernor.Class.Copy, g.copy);
        isUnder(propose(revocationOf("one"), owner(3)), AssetGovernor.Class.Query, g.query);
        isUnder(propose(pauseAction(DEADLINE), owner(3)), AssetGovernor.Class.Query, g.query);
        Action memory a = runnersAction(new address[](0));
        isUnder(propose(a, owner(3)), AssetGovernor.Class.Constitution, g.constitution);
        a = actionOf(address(registry), abi.encodeCall(Registry.setPolicy, ("new")), "Policy");
        isUnder(propose(a, owner(3)), AssetGovernor.Class.Constitution, g.constitution);
        isUnder(propose(rulesAction(g), owner(3)), AssetGovernor.Class.Constitution, g.constitution);
        (, AssetGovernor.Rules memory none) = governor.rulesFor(1);
        vm.assertEq(none.votingPeriod, 0, "of no proposal");
    }

    function test_QuorumAndMajorityAreThoseOfTheClass() public {
        // A query: 1 of 10 shares, more for than against.
        succeeds(approvalOf(ask(termsOf("1"))), [FOR, 3, 3, 3]);
        // A copy: 2 of 10, and more than six of ten of the votes.
        fails(approvalOf(ask(copyTerms("2"))), [FOR, 3, 3, 3]);
        succeeds(approvalOf(ask(copyTerms("3"))), [3, FOR, 3, 3]);
        fails(approvalOf(ask(copyTerms("4"))), [FOR, FOR, FOR, AGAINST]);
        succeeds(approvalOf(ask(copyTerms("5"))), [3, FOR, FOR, FOR]);
        fails(approvalOf(ask(copyTerms("6"))), [3, AGAINST, FOR, 3]);
        // The constitution: 3.3 of 10, and more than 66 of a hundred.
        Action memory a = runnersAction(new address[](0));
        fails(a, [3, 3, FOR, 3]);
        a.description = "A majority that is enough for a copy";
        fails(a, [AGAINST, 3, AGAINST, FOR]);
        a.description = "Two thirds of nine";
        succeeds(a, [3, AGAINST, FOR, FOR]);
        a.description = "Five of ten";
        fails(a, [FOR, AGAINST, AGAINST, FOR]);
    }

    function test_EachClassWaitsItsOwnTimeAlsoInOneTransaction() public {
        Action[3] memory all =
            [approvalOf(ask(termsOf("q"))), approvalOf(ask(copyTerms("c"))), runnersAction(new address[](0))];
        uint48[3] memory delays = [uint48(5), 20, 50];
        uint256[3] memory ids;
        for (uint256 i = 0; i < 3; i++) {
            ids[i] = propose(all[i], owner(3));
            for (uint256 j = 0; j < 4; j++) {
                vote(ids[i], j, FOR);
            }
        }
        skip(201);
        // The heaviest first, so that nothing shorter or longer stays behind for the next.
        for (uint256 i = 0; i < 3; i++) {
            queue(all[2 - i]);
            vm.assertEq(governor.proposalEta(ids[2 - i]), vm.getBlockTimestamp() + delays[2 - i], "time of effect");
        }
        uint256 queued = vm.getBlockTimestamp();
        for (uint256 i = 0; i < 3; i++) {
            vm.warp(queued + delays[i] - 1);
            (bool ok, bytes memory why) = address(governor).call(executeCall(all[i]));
            vm.assertTrue(!ok, "not yet");
            vm.assertEq(
                bytes32(bytes4(why)), bytes32(TimelockController.TimelockUnexpectedOperationState.selector), "held"
            );
            // Nor around the governor.
            bytes32 salt = bytes20(address(governor)) ^ keccak256(bytes(all[i].description));
            (ok,) = address(timelock)
                .call(
                    abi.encodeCall(
                        timelock.executeBatch, (all[i].targets, all[i].values, all[i].calldatas, 0, salt)
                    )
                );
            vm.assertTrue(!ok, "not there either");
            vm.warp(queued + delays[i]);
            execute(all[i]);
        }
    }

    function test_NothingIsScheduledWithADelayOfItsOwn() public {
        Action memory a = revocationOf("one");
        vm.prank(address(governor));
        refuses(
            address(timelock),
            abi.encodeCall(timelock.scheduleBatch, (a.targets, a.values, a.calldatas, 0, 0, 365 days)),
            abi.encodeWithSelector(
                TimelockController.TimelockInsufficientDelay.selector, 365 days, type(uint256).max
            )
        );
    }

    /// What is voted on stays under the rules it was proposed under.
    function test_RulesChangeByTheConstitutionForProposalsMadeLater() public {
        AssetGovernor.Governance memory before = governance();
        AssetGovernor.Governance memory g = governance();
        g.query = AssetGovernor.Rules(120, 6, 40, 55, 5e18, 1e18);
        g.copy = AssetGovernor.Rules(160, 30, 50, 70, 5e18, 2e18);
        g.constitution = AssetGovernor.Rules(220, 60, 60, 75, 6e18, 3e18);
        Action memory change = rulesAction(g);
        uint256 id = propose(change, owner(3));
        for (uint256 i = 0; i < 4; i++) {
            vote(id, i, FOR);
        }
        vm.warp(governor.proposalDeadline(id) + 1);
        queue(change);
        skip(49);
        Action memory old = approvalOf(ask(termsOf("old")));
        uint256 early = propose(old, stranger);
        isUnder(early, AssetGovernor.Class.Query, before.query);
        skip(1);
        execute(change);
        vm.assertEq(governor.rulesVersion(), 2, "version");
        isUnder(propose(approvalOf(ask(termsOf("new"))), stranger), AssetGovernor.Class.Query, g.query);
        isUnder(propose(approvalOf(ask(copyTerms("new"))), stranger), AssetGovernor.Class.Copy, g.copy);
        isUnder(propose(runnersAction(new address[](0)), owner(3)), AssetGovernor.Class.Constitution, g.constitution);
        (, AssetGovernor.Rules memory r) = governor.rulesFor(early);
        vm.assertEq(r.quorumPercent, 10, "as it was proposed");
        vote(early, 0, FOR);
        vm.warp(governor.proposalDeadline(early) + 1);
        isNow(early, IGovernor.ProposalState.Succeeded, "one of ten was enough then");
        queue(old);
        vm.assertEq(governor.proposalEta(early), vm.getBlockTimestamp() + 5, "its own delay");
    }

    function test_RulesThatMakeTheHeavierLighterTakeNoEffect() public {
        AssetGovernor.Governance memory g = governance();
        g.constitution.quorumPercent = 1;
        Action memory a = rulesAction(g);
        decide(a, FOR);
        queue(a);
        skip(50);
        refuses(
            address(governor),
            executeCall(a),
            abi.encodeWithSelector(AssetGovernor.LighterThan.selector, AssetGovernor.Class.Copy)
        );
    }

    // Attacks

    /// More than half of all shares: enough for a query, not to take the data.
    function test_WhaleWhoBuysInDoesNotGetACopy() public {
        vm.prank(owner(3));
        token.transfer(stranger, 4e18);
        vm.prank(owner(0));
        token.transfer(stranger, 1e18);
        vm.prank(owner(1));
        token.transfer(stranger, 5e17);
        skip(1);
        Grants.Terms memory t = copyTerms("for a token price");
        t.price = 1;
        bytes32 id = ask(t);
        uint256 proposal = propose(approvalOf(id), stranger);
        vm.prank(stranger);
        governor.castVote(proposal, FOR);
        vote(proposal, 1, AGAINST);
        vote(proposal, 2, AGAINST);
        vm.warp(governor.proposalDeadline(proposal) + 1);
        isNow(proposal, IGovernor.ProposalState.Defeated, "5.5 against 4.5 of 10");
        grants.refund(id);
        isIn(id, Grants.State.Refunded, "the money goes back");
    }

    function test_LateQuorumLeavesTheOthersTimeToAnswer() public {
        uint256 proposal = propose(approvalOf(ask(copyTerms("snipe"))), stranger);
        vm.warp(governor.proposalDeadline(proposal));
        vote(proposal, 3, FOR);
        vm.assertEq(governor.proposalDeadline(proposal), vm.getBlockTimestamp() + 10, "extended");
        skip(10);
        vote(proposal, 2, AGAINST);
        skip(1);
        isNow(proposal, IGovernor.ProposalState.Defeated, "four for, three against: not six of ten");
    }

    function test_SharesBorrowedInTheBlockOfTheProposalDoNotVote() public {
        Borrower thief = new Borrower();
        Action memory a = approvalOf(ask(copyTerms("flash")));
        vm.prank(owner(3));
        token.approve(address(thief), 4e18);
        thief.attack(token, governor, owner(3), a.targets, a.calldatas);
        (, uint256 pro,) = governor.proposalVotes(proposalOf(a));
        vm.assertEq(pro, 0, "none of them");
        vote(proposalOf(a), 3, AGAINST);
        (uint256 against,,) = governor.proposalVotes(proposalOf(a));
        vm.assertEq(against, 4e18, "they are the lender's");
    }

    function test_ProposalIsMadeByWhoItNames() public {
        Action memory a = revocationOf("one");
        a.description = string.concat("Take it back#proposer=", toHex(owner(3)));
        vm.prank(owner(2));
        refuses(
            address(governor),
            proposeCall(a),
            abi.encodeWithSelector(IGovernor.GovernorRestrictedProposer.selector, owner(2))
        );
        propose(a, owner(3));
    }

    function toHex(address account) private pure returns (string memory) {
        bytes memory digits = "0123456789abcdef";
        bytes memory text = new bytes(42);
        (text[0], text[1]) = ("0", "x");
        for (uint256 i = 0; i < 40; i++) {
            text[41 - i] = digits[(uint160(account) >> (4 * i)) & 15];
        }
        return string(text);
    }

    // The founder

    function test_FounderDecidesUntilTheFirstRequest() public {
        vm.assertEq(registry.controller(), founder, "the founder");
        vm.prank(founder);
        registry.setPolicy("second");
        ask(termsOf("one"));
        vm.assertEq(registry.controller(), address(timelock), "the owners");
        vm.prank(founder);
        refuses(
            address(registry),
            abi.encodeCall(registry.setPolicy, ("third")),
            abi.encodeWithSelector(Registry.NotController.selector, founder)
        );
        // Asking again changes nothing more.
        ask(termsOf("two"));
        carryOut(actionOf(address(registry), abi.encodeCall(Registry.setPolicy, ("fourth")), "Our policy"));
        vm.assertEq(registry.policyHash(), bytes32("fourth"), "by vote");
    }

    function test_AnyoneEndsTheFoundersControlOnceTheAssetIsMature() public {
        AssetFactory.AssetParams memory p = params("young");
        p.governance.minimumOwners = 5;
        useAsset(p);
        grow();
        refuses(
            address(registry),
            abi.encodeCall(registry.handOver, ()),
            abi.encodeWithSelector(Registry.NotMature.selector)
        );
        vm.prank(owner(3));
        token.transfer(stranger, 1);
        vm.expectEmit(address(registry));
        emit Registry.ControlTransferred(founder, address(timelock));
        registry.handOver();
        // For good: not even when an owner leaves.
        vm.prank(stranger);
        token.transfer(owner(3), 1);
        registry.handOver();
        vm.assertEq(registry.controller(), address(timelock), "the owners");
    }

    function test_VoteIsNotMadeShorterThanItsExtension() public {
        AssetGovernor.Governance memory g = governance();
        g.query.votingPeriod = uint32(g.voteExtension) - 1;
        Action memory a = rulesAction(g);
        decide(a, FOR);
        queue(a);
        skip(g.constitution.timelockDelay);
        refuses(
            address(governor),
            executeCall(a),
            abi.encodeWithSelector(AssetGovernor.SettingOutOfRange.selector, "votingPeriod")
        );
    }

    function test_WhatWasProposedBeforeInTheTransactionChangesNoPeriod() public {
        propose(rulesAction(governance()), owner(3));
        vm.assertEq(governor.votingPeriod(), governance().query.votingPeriod, "that of queries");
    }
}
