// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {GovernorPreventLateQuorumUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorPreventLateQuorumUpgradeable.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {AssetTimelock} from "../src/AssetTimelock.sol";
import {Grants} from "../src/Grants.sol";
import {GrantsCharter} from "../src/GrantsCharter.sol";
import {Ledger} from "../src/Ledger.sol";
import {Registry} from "../src/Registry.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {Stakes} from "../src/Stakes.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

contract AssetFactoryTest is Fixture {
    function createDigest(AssetFactory.AssetParams memory p, uint256 deadline) private view returns (bytes32) {
        Registry.Custody memory c = p.custody;
        bytes memory words = bytes.concat(
            abi.encode(
                keccak256(bytes(createAssetTypes())),
                founder,
                keccak256(bytes(p.name)),
                keccak256(bytes(p.symbol)),
                p.salt,
                p.paymentToken,
                p.recipient
            ),
            abi.encode(
                p.policyHash,
                p.epochCap,
                p.vestingEpochs,
                keccak256(abi.encodePacked(p.verifiers)),
                keccak256(abi.encodePacked(p.verifierRecipients)),
                p.threshold,
                keccak256(
                    abi.encode(
                        keccak256(bytes(CUSTODY_TYPE)),
                        keccak256(abi.encodePacked(c.guardians)),
                        keccak256(abi.encodePacked(c.commitments)),
                        keccak256(abi.encodePacked(c.oprfCommitments)),
                        c.threshold,
                        keccak256(abi.encodePacked(c.runners))
                    )
                ),
                governanceHash(p.governance)
            ),
            abi.encode(charterHash(p.charter), deadline)
        );
        return typedDigest("Trove Factory", block.chainid, address(factory), keccak256(words));
    }

    function signed(AssetFactory.AssetParams memory p) private view returns (bytes memory) {
        return signature(FOUNDER_KEY, createDigest(p, DEADLINE));
    }

    function test_CreationWiresTheWholeSet() public view {
        vm.assertEq(token.name(), "Reddit comments", "name");
        vm.assertEq(token.symbol(), "RDT", "symbol");
        vm.assertEq(token.decimals(), 18, "decimals");
        vm.assertEq(token.ledger(), address(ledger), "token.ledger");
        vm.assertEq(address(token.paymentToken()), address(dollar), "token.paymentToken");
        vm.assertEq(address(ledger.token()), address(token), "ledger.token");
        vm.assertEq(address(ledger.registry()), address(registry), "ledger.registry");
        vm.assertEq(ledger.epochCap(), EPOCH_CAP, "ledger.epochCap");
        vm.assertEq(registry.controller(), founder, "registry.controller");
        vm.assertEq(registry.recipient(), keccak256("recipient"), "registry.recipient");
        vm.assertEq(registry.policyHash(), keccak256("policy"), "registry.policyHash");
        vm.assertEq(registry.threshold(), 2, "registry.threshold");
        vm.assertEq(registry.timelock(), address(timelock), "registry.timelock");
        vm.assertEq(registry.grants(), address(grants), "registry.grants");
        vm.assertTrue(registry.isRunner(vm.addr(runnerKeys[1])), "registry.isRunner");
        Registry.Custody memory c = registry.custody();
        vm.assertEq(keccak256(abi.encode(c)), keccak256(abi.encode(params("asset").custody)), "registry.custody");
        vm.assertEq(address(grants.token()), address(token), "grants.token");
        vm.assertEq(address(grants.registry()), address(registry), "grants.registry");
        vm.assertEq(address(grants.ledger()), address(ledger), "grants.ledger");
        vm.assertEq(address(grants.governor()), address(governor), "grants.governor");
        vm.assertEq(grants.timelock(), address(timelock), "grants.timelock");
        vm.assertEq(keccak256(abi.encode(grants.charter())), keccak256(abi.encode(charter())), "grants.charter");
        vm.assertEq(address(grants.stakes()), address(stakes), "grants.stakes");
        vm.assertEq(address(ledger.stakes()), address(stakes), "ledger.stakes");
        vm.assertEq(ledger.vestingEpochs(), 0, "ledger.vestingEpochs");
        vm.assertEq(address(stakes.paymentToken()), address(dollar), "stakes.paymentToken");
        vm.assertEq(address(stakes.grants()), address(grants), "stakes.grants");
        vm.assertEq(address(stakes.ledger()), address(ledger), "stakes.ledger");
        vm.assertEq(stakes.timelock(), address(timelock), "stakes.timelock");
        vm.assertEq(address(governor.token()), address(token), "governor.token");
        vm.assertEq(address(governor.grants()), address(grants), "governor.grants");
        vm.assertEq(address(governor.registry()), address(registry), "governor.registry");
        vm.assertEq(governor.timelock(), address(timelock), "governor.timelock");
        vm.assertEq(governor.votingDelay(), 0, "governor.votingDelay");
        vm.assertEq(governor.votingPeriod(), 100, "governor.votingPeriod");
        vm.assertEq(governor.lateQuorumVoteExtension(), 10, "governor.lateQuorumVoteExtension");
        vm.assertEq(governor.proposalThreshold(), 1e18, "governor.proposalThreshold");
        vm.assertEq(governor.rulesVersion(), 1, "governor.rulesVersion");
        sameRules(AssetGovernor.Class.Query, governance().query);
        sameRules(AssetGovernor.Class.Copy, governance().copy);
        sameRules(AssetGovernor.Class.Constitution, governance().constitution);
        vm.assertEq(token.totalSupply(), 0, "no shares before the first epoch");
    }

    function test_CreationEmitsAllThatANodeNeedsToIndexTheAsset() public {
        AssetFactory.AssetParams memory p = params("another");
        AssetFactory.AssetContracts memory c = factory.predict(founder, p.salt);
        Registry.Ceremony memory made = ceremony(p, founder);
        vm.expectEmit(address(factory));
        emit AssetFactory.AssetCreated(c.token, founder, c, p);
        vm.prank(founder);
        factory.create(p, made);
    }

    function test_PredictionHoldsAndDependsOnFounderAndSalt() public view {
        AssetFactory.AssetContracts memory c = factory.predict(founder, "asset");
        vm.assertEq(c.token, address(token), "token");
        vm.assertEq(c.registry, address(registry), "registry");
        vm.assertEq(c.ledger, address(ledger), "ledger");
        vm.assertEq(c.grants, address(grants), "grants");
        vm.assertEq(c.governor, address(governor), "governor");
        vm.assertEq(c.timelock, address(timelock), "timelock");
        vm.assertEq(c.stakes, address(stakes), "stakes");
        AssetFactory.AssetContracts memory other = factory.predict(member(0), "asset");
        vm.assertTrue(other.token != c.token && other.grants != c.grants, "another founder has other addresses");
        other = factory.predict(founder, "asset 2");
        vm.assertTrue(other.token != c.token && other.grants != c.grants, "another salt has other addresses");
    }

    function test_SaltCannotBeUsedTwice() public {
        AssetFactory.AssetParams memory p = params("asset");
        Registry.Ceremony memory made = ceremony(p, founder);
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.AssetExists.selector, address(token)));
        vm.prank(founder);
        factory.create(p, made);
    }

    function test_CreationCannotBeFrontRun() public {
        AssetFactory.AssetParams memory p = params("wanted");
        address wanted = factory.predict(founder, p.salt).token;
        // Somebody copies the pending transaction, with themselves as the founder: its guardians signed for another registry.
        Registry.Ceremony memory made = ceremony(p, founder);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotConfirmed.selector, p.custody.guardians[0]));
        vm.prank(member(0));
        factory.create(p, made);
        // Even with guardians of their own it lands elsewhere.
        address squatted = create(p, member(0)).token;
        vm.assertTrue(squatted != wanted, "a copy lands elsewhere");
        vm.prank(founder);
        address t = factory.create(p, made).token;
        vm.assertEq(t, wanted, "the founder's address is still free");
    }

    function test_RelayerCreatesForAFounderWhoSigned() public {
        AssetFactory.AssetParams memory p = params("relayed");
        Registry.Ceremony memory made = ceremony(p, founder);
        vm.prank(member(0));
        address r = factory.createFor(p, founder, DEADLINE, signed(p), made).registry;
        vm.assertEq(Registry(r).controller(), founder, "the signer is the founder");
    }

    function test_RelayedCreationCannotBeReplayed() public {
        AssetFactory.AssetParams memory p = params("relayed");
        bytes memory s = signed(p);
        Registry.Ceremony memory made = ceremony(p, founder);
        address t = factory.createFor(p, founder, DEADLINE, s, made).token;
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.AssetExists.selector, t));
        factory.createFor(p, founder, DEADLINE, s, made);
    }

    function test_RelayedCreationFailsAfterItsDeadline() public {
        AssetFactory.AssetParams memory p = params("relayed");
        bytes memory s = signed(p);
        Registry.Ceremony memory made = ceremony(p, founder);
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.SignatureExpired.selector, DEADLINE));
        factory.createFor(p, founder, DEADLINE, s, made);
        vm.warp(DEADLINE);
        factory.createFor(p, founder, DEADLINE, s, made);
    }

    function implementations() private view returns (AssetFactory.AssetContracts memory) {
        return AssetFactory.AssetContracts({
            token: factory.tokenImplementation(),
            registry: factory.registryImplementation(),
            ledger: factory.ledgerImplementation(),
            grants: factory.grantsImplementation(),
            governor: factory.governorImplementation(),
            timelock: factory.timelockImplementation(),
            stakes: factory.stakesImplementation()
        });
    }

    function refusesCreation(AssetFactory target, AssetFactory.AssetParams memory p, uint256 deadline, bytes memory s)
        private
    {
        // The guardians agree to whatever is tried: it is the founder's signature that is missing.
        Registry.Ceremony memory made = confirmed(target.predict(founder, p.salt).registry, p.custody, 1, p.recipient);
        (bool ok, bytes memory why) =
            address(target).call(abi.encodeCall(target.createFor, (p, founder, deadline, s, made)));
        vm.assertTrue(!ok && bytes4(why) == AssetFactory.NotFounder.selector, "refused with NotFounder");
    }

    function test_RelayedCreationFailsOnAnotherChain() public {
        AssetFactory.AssetParams memory p = params("relayed");
        bytes memory s = signed(p);
        vm.chainId(block.chainid + 1);
        refusesCreation(factory, p, DEADLINE, s);
    }

    function test_RelayedCreationFailsOnAnotherFactory() public {
        AssetFactory.AssetParams memory p = params("relayed");
        AssetFactory other = new AssetFactory(implementations());
        refusesCreation(other, p, DEADLINE, signed(p));
    }

    function test_RelayedCreationFailsWhenAnyParameterChanges() public {
        AssetFactory.AssetParams memory p = params("relayed");
        bytes memory s = signed(p);
        refusesCreation(factory, p, DEADLINE + 1, s);
        p.name = "Reddit comment";
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.symbol = "RDTT";
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed 2");
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.paymentToken = address(token);
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.recipient = keccak256("mine");
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.policyHash = keccak256("mine");
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.epochCap++;
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.vestingEpochs = 1;
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.verifiers[2] = member(0);
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.verifierRecipients[2] = keccak256("mine");
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.threshold = 1;
        refusesCreation(factory, p, DEADLINE, s);
    }

    function test_RelayedCreationFailsWhenCustodyChanges() public {
        AssetFactory.AssetParams memory p = params("relayed");
        bytes memory s = signed(p);
        p.custody.guardians[0] = member(0);
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.custody.commitments[0] = keccak256("mine");
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.custody.oprfCommitments[0] = keccak256("mine");
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.custody.threshold = 1;
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.custody.runners[0] = member(0);
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        factory.createFor(p, founder, DEADLINE, s, ceremony(p, founder));
    }

    /// Every field of Governance is one word: word i changed alone.
    function test_RelayedCreationFailsWhenGovernanceChanges() public {
        AssetFactory.AssetParams memory p = params("relayed");
        bytes memory s = signed(p);
        bytes memory words = abi.encode(p.governance);
        for (uint256 i = 0; i < words.length / 32; i++) {
            p.governance = abi.decode(raised(abi.encode(params("relayed").governance), i), (AssetGovernor.Governance));
            refusesCreation(factory, p, DEADLINE, s);
        }
    }

    /// The charter's last words are the fees: where they begin, how many, and of each two.
    function test_RelayedCreationFailsWhenTheCharterChanges() public {
        AssetFactory.AssetParams memory p = params("relayed");
        p.charter.fees = new GrantsCharter.Fee[](2);
        (p.charter.fees[0], p.charter.fees[1]) = (GrantsCharter.Fee(founder, 100), GrantsCharter.Fee(member(0), 200));
        bytes memory s = signed(p);
        bytes memory words = abi.encode(p.charter);
        for (uint256 i = 1; i < words.length / 32; i++) {
            // Not the places of what has no fixed length.
            if (i == 13 || i == 14) continue;
            p.charter = abi.decode(raised(words, i), (GrantsCharter.Charter));
            refusesCreation(factory, p, DEADLINE, s);
        }
        p.charter = abi.decode(words, (GrantsCharter.Charter));
        (p.charter.fees[0], p.charter.fees[1]) = (p.charter.fees[1], p.charter.fees[0]);
        refusesCreation(factory, p, DEADLINE, s);
        p.charter.fees = new GrantsCharter.Fee[](0);
        refusesCreation(factory, p, DEADLINE, s);
        p.charter = abi.decode(words, (GrantsCharter.Charter));
        factory.createFor(p, founder, DEADLINE, s, ceremony(p, founder));
    }

    /// The words with word i one more.
    function raised(bytes memory words, uint256 i) private pure returns (bytes memory other) {
        other = bytes.concat(words);
        assembly ("memory-safe") {
            let at := add(add(other, 32), mul(i, 32))
            mstore(at, add(mload(at), 1))
        }
    }

    function test_CloneCannotBeInitialisedAgain() public {
        initialisesNothing(
            AssetFactory.AssetContracts(
                address(token),
                address(registry),
                address(ledger),
                address(grants),
                address(governor),
                address(timelock),
                address(stakes)
            )
        );
    }

    function test_ImplementationIsLocked() public {
        initialisesNothing(implementations());
    }

    function initialisesNothing(AssetFactory.AssetContracts memory c) private {
        AssetFactory.AssetParams memory p = params("mine");
        Registry.VerifierSet memory set = Registry.VerifierSet(p.verifiers, p.verifierRecipients, 1);
        address me = address(this);
        Registry.Ceremony memory made = confirmed(c.registry, p.custody, 1, "r");
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        ShareToken(c.token).initialize("Mine", "M", dollar, me);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        Registry(c.registry).initialize(me, me, me, "r", "p", set, p.custody, made);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        Ledger(c.ledger).initialize(token, registry, stakes, 1, 0);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        Grants(c.grants).initialize(token, governor, me, p.charter);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        Stakes(c.stakes).initialize(dollar, grants, ledger, me);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        AssetGovernor(payable(c.governor)).initialize(token, registry, grants, timelock, p.governance);
        address[] memory mine = new address[](1);
        mine[0] = me;
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        AssetTimelock(payable(c.timelock)).initialize(0, mine, mine, me);
    }

    function test_MalformedParametersAreRefused() public {
        AssetFactory.AssetParams memory p = params("bad");
        p.paymentToken = member(0);
        refusesCreation(p, abi.encodeWithSelector(AssetFactory.NotAContract.selector, member(0)));

        p = params("bad");
        p.name = "";
        refusesCreation(p, abi.encodeWithSelector(AssetFactory.NameOutOfRange.selector, p.name, p.symbol));

        p = params("bad");
        p.symbol = "SEVENTEEN LETTERS";
        refusesCreation(p, abi.encodeWithSelector(AssetFactory.NameOutOfRange.selector, p.name, p.symbol));

        p = params("bad");
        p.symbol = "";
        refusesCreation(p, abi.encodeWithSelector(AssetFactory.NameOutOfRange.selector, p.name, p.symbol));

        p = params("bad");
        p.name = string(new bytes(65));
        refusesCreation(p, abi.encodeWithSelector(AssetFactory.NameOutOfRange.selector, p.name, p.symbol));

        p = params("bad");
        p.epochCap = 0;
        refusesCreation(p, abi.encodeWithSelector(Ledger.EpochCapOutOfRange.selector, 0));

        p = params("bad");
        p.epochCap = token.MAX_SUPPLY() + 1;
        refusesCreation(p, abi.encodeWithSelector(Ledger.EpochCapOutOfRange.selector, p.epochCap));

        p = params("bad");
        p.recipient = 0;
        refusesCreation(p, abi.encodeWithSelector(Registry.ZeroValue.selector));
    }

    function refusesCustody(Registry.Custody memory c, bytes memory why) private {
        AssetFactory.AssetParams memory p = params("bad");
        p.custody = c;
        refusesCreation(p, why);
    }

    function test_MalformedCustodyIsRefused() public {
        uint256[] memory none = new uint256[](0);
        bytes4 outOfRange = Registry.CustodyOutOfRange.selector;
        refusesCustody(custody(none, 0, runnerKeys), abi.encodeWithSelector(outOfRange, 0, 0, 0));
        refusesCustody(custody(none, 1, runnerKeys), abi.encodeWithSelector(outOfRange, 0, 0, 1));
        refusesCustody(custody(guardianKeys, 0, runnerKeys), abi.encodeWithSelector(outOfRange, 3, 3, 0));
        refusesCustody(custody(guardianKeys, 4, runnerKeys), abi.encodeWithSelector(outOfRange, 3, 3, 4));
        refusesCustody(custody(sortedKeys("guardian", 17), 2, runnerKeys), abi.encodeWithSelector(outOfRange, 17, 17, 2));
        Registry.Custody memory c = custody(guardianKeys, 2, runnerKeys);
        c.commitments = new bytes32[](2);
        refusesCustody(c, abi.encodeWithSelector(outOfRange, 3, 2, 2));
        c = custody(guardianKeys, 2, runnerKeys);
        c.guardians[2] = address(0);
        refusesCustody(c, abi.encodeWithSelector(Registry.ZeroValue.selector));
        c = custody(guardianKeys, 2, runnerKeys);
        c.commitments[2] = 0;
        refusesCustody(c, abi.encodeWithSelector(Registry.ZeroValue.selector));
        c = custody(guardianKeys, 2, runnerKeys);
        c.guardians[2] = c.guardians[0];
        refusesCustody(c, abi.encodeWithSelector(Registry.Duplicate.selector));
        c = custody(guardianKeys, 2, runnerKeys);
        c.oprfCommitments = new bytes32[](4);
        refusesCustody(c, abi.encodeWithSelector(outOfRange, 3, 4, 2));
        c = custody(guardianKeys, 2, runnerKeys);
        c.oprfCommitments[0] = 0;
        refusesCustody(c, abi.encodeWithSelector(Registry.ZeroValue.selector));
        c = custody(guardianKeys, 2, runnerKeys);
        c.oprfCommitments[2] = c.oprfCommitments[0];
        refusesCustody(c, abi.encodeWithSelector(Registry.Duplicate.selector));
        c = custody(guardianKeys, 2, runnerKeys);
        c.commitments[2] = c.commitments[1];
        refusesCustody(c, abi.encodeWithSelector(Registry.Duplicate.selector));
        c = custody(guardianKeys, 2, runnerKeys);
        c.runners[1] = c.runners[0];
        refusesCustody(c, abi.encodeWithSelector(Registry.Duplicate.selector));
        c = custody(guardianKeys, 2, runnerKeys);
        c.runners[1] = address(0);
        refusesCustody(c, abi.encodeWithSelector(Registry.ZeroValue.selector));
        refusesCustody(
            custody(guardianKeys, 2, sortedKeys("r", 65)), abi.encodeWithSelector(Registry.TooManyRunners.selector, 65)
        );
    }

    function refusesGovernance(AssetGovernor.Governance memory g, bytes4 selector, string memory setting) private {
        AssetFactory.AssetParams memory p = params("bad");
        p.governance = g;
        refusesCreation(p, abi.encodeWithSelector(selector, setting));
    }

    function test_GovernanceOutOfRangeIsRefused() public {
        bytes4 setting = AssetGovernor.SettingOutOfRange.selector;
        AssetGovernor.Governance memory g = governance();
        // Of each class: the heaviest is out of range alone.
        g.constitution.votingPeriod = 90 days + 1;
        refusesGovernance(g, setting, "votingPeriod");
        g = governance();
        g.query.votingPeriod = 0;
        refusesGovernance(g, setting, "votingPeriod");
        g = governance();
        g.voteExtension = g.query.votingPeriod + 1;
        AssetFactory.AssetParams memory extended = params("bad");
        extended.governance = g;
        refusesCreation(
            extended,
            abi.encodeWithSelector(
                GovernorPreventLateQuorumUpgradeable.GovernorPreventLateQuorumVoteExtensionTooLarge.selector, 101, 100
            )
        );
        g = governance();
        g.query.timelockDelay = 0;
        refusesGovernance(g, setting, "timelockDelay");
        g = governance();
        g.constitution.timelockDelay = 90 days + 1;
        refusesGovernance(g, setting, "timelockDelay");
        g = governance();
        g.constitution.quorumPercent = 101;
        refusesGovernance(g, setting, "quorumPercent");
        g = governance();
        g.query.approvalPercent = 49;
        refusesGovernance(g, setting, "approvalPercent");
        g = governance();
        g.constitution.approvalPercent = 100;
        refusesGovernance(g, setting, "approvalPercent");
        g = governance();
        g.query.quorumFloor = 0;
        refusesGovernance(g, setting, "quorumFloor");
        g = governance();
        g.minimumOwners = 0;
        refusesGovernance(g, setting, "minimumOwners");
        // The most of everything is allowed.
        AssetFactory.AssetParams memory p = params("slow");
        AssetGovernor.Rules memory most = AssetGovernor.Rules(90 days, 90 days, 100, 99, 1e30, 1e30);
        (p.governance.query, p.governance.copy, p.governance.constitution) = (most, most, most);
        (p.governance.voteExtension, p.charter.useTime) = (90 days, 7 days);
        (p.charter.challengeTime, p.charter.runnerStake, p.vestingEpochs) = (30 days, 1, 15);
        create(p, founder);
    }

    function refusesCharter(Grants.Charter memory c, string memory setting) private {
        AssetFactory.AssetParams memory p = params("bad");
        p.charter = c;
        refusesCreation(p, abi.encodeWithSelector(GrantsCharter.TermsOutOfRange.selector, setting));
    }

    function test_CharterOutOfRangeIsRefused() public {
        Grants.Charter memory c = charter();
        c.useTime = 0;
        refusesCharter(c, "useTime");
        c.useTime = 7 days + 1;
        refusesCharter(c, "useTime");
        c = charter();
        c.minimumGroupSize = 0;
        refusesCharter(c, "minimumGroupSize");
        c = charter();
        c.minimumSnapshotLeaves = 0;
        refusesCharter(c, "minimumSnapshotLeaves");
        c = charter();
        c.period = 0;
        refusesCharter(c, "period");
        c = charter();
        (c.challengeTime, c.runnerStake) = (30 days + 1, 1);
        refusesCharter(c, "challengeTime");
        (c.challengeTime, c.runnerStake) = (1, 0);
        refusesCharter(c, "challengeTime");
        c = charter();
        c.standing = GrantsCharter.Standing(0, 1, 1, 1);
        refusesCharter(c, "standing");
        c.standing = GrantsCharter.Standing(1, 0, 1, 1);
        refusesCharter(c, "standing");
        c = charter();
        c.fees = new GrantsCharter.Fee[](1);
        c.fees[0] = GrantsCharter.Fee(founder, 3001);
        refusesCharter(c, "fees");
        c.fees[0] = GrantsCharter.Fee(founder, 0);
        refusesCharter(c, "fees");
        c.fees[0] = GrantsCharter.Fee(address(0), 1);
        refusesCharter(c, "fees");
        c.fees = new GrantsCharter.Fee[](9);
        for (uint256 i = 0; i < 9; i++) {
            c.fees[i] = GrantsCharter.Fee(member(i), 1);
        }
        refusesCharter(c, "fees");
        AssetFactory.AssetParams memory p = params("bad");
        p.vestingEpochs = 16;
        refusesCreation(p, abi.encodeWithSelector(Ledger.VestingOutOfRange.selector, 16));
    }

    function refusesLighter(AssetGovernor.Governance memory g, AssetGovernor.Class lighter) private {
        AssetFactory.AssetParams memory p = params("bad");
        p.governance = g;
        refusesCreation(p, abi.encodeWithSelector(AssetGovernor.LighterThan.selector, lighter));
    }

    function test_HeavierClassTakesAtLeastAsMuchOfEverything() public {
        (AssetGovernor.Class query, AssetGovernor.Class copy) = (AssetGovernor.Class.Query, AssetGovernor.Class.Copy);
        AssetGovernor.Governance memory g;
        for (uint256 i = 0; i < 6; i++) {
            g = governance();
            put(g.query, i, read(g.copy, i) + 1);
            refusesLighter(g, query);
            g = governance();
            put(g.copy, i, read(g.constitution, i) + 1);
            refusesLighter(g, copy);
        }
        // The same for all is allowed.
        AssetFactory.AssetParams memory p = params("flat");
        (p.governance.copy, p.governance.constitution) = (p.governance.query, p.governance.query);
        create(p, founder);
    }

    // A struct in memory is its fields, one word each.
    function put(AssetGovernor.Rules memory r, uint256 field, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(add(r, mul(field, 32)), value)
        }
    }

    function read(AssetGovernor.Rules memory r, uint256 field) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(r, mul(field, 32)))
        }
    }

    function sameRules(AssetGovernor.Class class, AssetGovernor.Rules memory expected) private view {
        vm.assertEq(keccak256(abi.encode(governor.rulesOf(class))), keccak256(abi.encode(expected)), "governor.rulesOf");
    }

    function governanceHash(AssetGovernor.Governance memory g) private pure returns (bytes32) {
        bytes32 rules = keccak256(bytes(RULES_TYPE));
        bytes32 first = keccak256(abi.encode(rules, g.query));
        bytes32 second = keccak256(abi.encode(rules, g.copy));
        bytes32 third = keccak256(abi.encode(rules, g.constitution));
        return keccak256(
            abi.encode(
                keccak256(bytes.concat(bytes(GOVERNANCE_TYPE), bytes(RULES_TYPE))),
                g.voteExtension,
                g.minimumOwners,
                g.minimumAge,
                first,
                second,
                third
            )
        );
    }

    function charterHash(Grants.Charter memory c) private pure returns (bytes32) {
        bytes memory fees;
        for (uint256 i = 0; i < c.fees.length; i++) {
            bytes32 fee =
                keccak256(abi.encode(keccak256(bytes(FEE_TYPE)), c.fees[i].recipient, c.fees[i].basisPoints));
            fees = bytes.concat(fees, fee);
        }
        GrantsCharter.Standing memory s = c.standing;
        bytes32 standing = keccak256(
            abi.encode(
                keccak256(bytes(STANDING_TYPE)), s.minimumPrice, s.maximumEpsilon, s.minimumGroupSize, s.uses
            )
        );
        return keccak256(
            bytes.concat(
                keccak256(bytes.concat(bytes(CHARTER_TYPE), bytes(FEE_TYPE), bytes(STANDING_TYPE))),
                abi.encode(c.useTime, c.minimumGroupSize, c.minimumSnapshotLeaves, c.challengeTime),
                abi.encode(c.period, c.budget, c.runnerStake, c.verifierStake, standing, keccak256(fees))
            )
        );
    }

    function test_FactoryNeedsRealImplementations() public {
        for (uint256 i = 0; i < 7; i++) {
            AssetFactory.AssetContracts memory c = implementations();
            assembly ("memory-safe") {
                mstore(add(c, mul(i, 32)), 7)
            }
            vm.expectRevert(abi.encodeWithSelector(AssetFactory.NotAContract.selector, address(7)));
            new AssetFactory(c);
        }
    }

    function test_MalformedSignatureIsRefused() public {
        AssetFactory.AssetParams memory p = params("relayed");
        Registry.Ceremony memory made = ceremony(p, founder);
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 64));
        factory.createFor(p, founder, DEADLINE, new bytes(64), made);
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        factory.createFor(p, address(0), DEADLINE, new bytes(65), made);
    }

    /// forge-config: default.isolate = true
    function test_CreationCostsAtMostTwelveMillionGasEvenWithTheMostOfAll() public {
        AssetFactory.AssetParams memory p = params("most");
        (p.verifiers, p.verifierRecipients) = verifierSet(sortedKeys("many", 64));
        p.custody = custody(sortedKeys("guardian", 16), 16, sortedKeys("runners", 64));
        create(p, founder);
        vm.assertLe(vm.lastCallGas().gasTotalUsed, 12_000_000, "gas with 64 verifiers, 16 guardians, 64 runners");
        create(params("usual"), founder);
        vm.assertLe(vm.lastCallGas().gasTotalUsed, 3_500_000, "gas with 3 verifiers, 3 guardians, 2 runners");
    }
}
