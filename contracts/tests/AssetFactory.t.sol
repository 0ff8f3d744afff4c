// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {Ledger} from "../src/Ledger.sol";
import {Registry} from "../src/Registry.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

contract AssetFactoryTest is Fixture {
    function createDigest(AssetFactory.AssetParams memory p, uint256 deadline) private view returns (bytes32) {
        bytes memory words = bytes.concat(
            abi.encode(
                keccak256(bytes(CREATE_ASSET_TYPE)),
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
                keccak256(abi.encodePacked(p.verifiers)),
                keccak256(abi.encodePacked(p.verifierRecipients)),
                p.threshold,
                deadline
            )
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
        vm.assertEq(token.totalSupply(), 0, "no shares before the first epoch");
    }

    function test_CreationEmitsAllThatANodeNeedsToIndexTheAsset() public {
        AssetFactory.AssetParams memory p = params("another");
        (address t, address r, address l) = factory.predict(founder, p.salt);
        vm.expectEmit(address(factory));
        emit AssetFactory.AssetCreated(t, founder, r, l, p);
        vm.prank(founder);
        factory.create(p);
    }

    function test_PredictionHoldsAndDependsOnFounderAndSalt() public view {
        (address t,,) = factory.predict(founder, "asset");
        vm.assertEq(t, address(token), "prediction");
        (address other,,) = factory.predict(member(0), "asset");
        vm.assertTrue(other != t, "another founder has another address");
        (other,,) = factory.predict(founder, "asset 2");
        vm.assertTrue(other != t, "another salt has another address");
    }

    function test_SaltCannotBeUsedTwice() public {
        AssetFactory.AssetParams memory p = params("asset");
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.AssetExists.selector, address(token)));
        vm.prank(founder);
        factory.create(p);
    }

    function test_CreationCannotBeFrontRun() public {
        AssetFactory.AssetParams memory p = params("wanted");
        (address wanted,,) = factory.predict(founder, p.salt);
        // Somebody copies the pending transaction, with themselves as the founder.
        vm.prank(member(0));
        (address squatted,,) = factory.create(p);
        vm.assertTrue(squatted != wanted, "a copy lands elsewhere");
        vm.prank(founder);
        (address t,,) = factory.create(p);
        vm.assertEq(t, wanted, "the founder's address is still free");
    }

    function test_RelayerCreatesForAFounderWhoSigned() public {
        AssetFactory.AssetParams memory p = params("relayed");
        vm.prank(member(0));
        (, address r,) = factory.createFor(p, founder, DEADLINE, signed(p));
        vm.assertEq(Registry(r).controller(), founder, "the signer is the founder");
    }

    function test_RelayedCreationCannotBeReplayed() public {
        AssetFactory.AssetParams memory p = params("relayed");
        bytes memory s = signed(p);
        (address t,,) = factory.createFor(p, founder, DEADLINE, s);
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.AssetExists.selector, t));
        factory.createFor(p, founder, DEADLINE, s);
    }

    function test_RelayedCreationFailsAfterItsDeadline() public {
        AssetFactory.AssetParams memory p = params("relayed");
        bytes memory s = signed(p);
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.SignatureExpired.selector, DEADLINE));
        factory.createFor(p, founder, DEADLINE, s);
        vm.warp(DEADLINE);
        factory.createFor(p, founder, DEADLINE, s);
    }

    function refusesCreation(AssetFactory target, AssetFactory.AssetParams memory p, uint256 deadline, bytes memory s)
        private
    {
        (bool ok, bytes memory why) = address(target).call(abi.encodeCall(target.createFor, (p, founder, deadline, s)));
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
        AssetFactory other = new AssetFactory(
            factory.tokenImplementation(), factory.registryImplementation(), factory.ledgerImplementation()
        );
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
        p.verifiers[2] = member(0);
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.verifierRecipients[2] = keccak256("mine");
        refusesCreation(factory, p, DEADLINE, s);
        p = params("relayed");
        p.threshold = 1;
        refusesCreation(factory, p, DEADLINE, s);
    }

    function test_CloneCannotBeInitialisedAgain() public {
        (address[] memory verifiers, bytes32[] memory recipients) = verifierSet(verifierKeys);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        token.initialize("Mine", "M", dollar, address(this));
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        registry.initialize(address(this), "r", "p", verifiers, recipients, 1);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        ledger.initialize(token, registry, 1);
    }

    function test_ImplementationIsLocked() public {
        (address[] memory verifiers, bytes32[] memory recipients) = verifierSet(verifierKeys);
        ShareToken tokenImpl = ShareToken(factory.tokenImplementation());
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        tokenImpl.initialize("Mine", "M", dollar, address(this));
        Registry registryImpl = Registry(factory.registryImplementation());
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        registryImpl.initialize(address(this), "r", "p", verifiers, recipients, 1);
        Ledger ledgerImpl = Ledger(factory.ledgerImplementation());
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        ledgerImpl.initialize(token, registry, 1);
    }

    function test_MalformedParametersAreRefused() public {
        AssetFactory.AssetParams memory p = params("bad");
        p.paymentToken = member(0);
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.NotAContract.selector, member(0)));
        factory.create(p);

        p = params("bad");
        p.name = "";
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.NameOutOfRange.selector, p.name, p.symbol));
        factory.create(p);

        p = params("bad");
        p.symbol = "SEVENTEEN LETTERS";
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.NameOutOfRange.selector, p.name, p.symbol));
        factory.create(p);

        p = params("bad");
        p.name = string(new bytes(65));
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.NameOutOfRange.selector, p.name, p.symbol));
        factory.create(p);

        p = params("bad");
        p.epochCap = 0;
        vm.expectRevert(abi.encodeWithSelector(Ledger.EpochCapOutOfRange.selector, 0));
        factory.create(p);

        p = params("bad");
        p.epochCap = token.MAX_SUPPLY() + 1;
        vm.expectRevert(abi.encodeWithSelector(Ledger.EpochCapOutOfRange.selector, p.epochCap));
        factory.create(p);

        p = params("bad");
        p.recipient = 0;
        vm.expectRevert(Registry.ZeroValue.selector);
        factory.create(p);
    }

    function test_FactoryNeedsRealImplementations() public {
        address tokenImpl = factory.tokenImplementation();
        vm.expectRevert(abi.encodeWithSelector(AssetFactory.NotAContract.selector, member(0)));
        new AssetFactory(tokenImpl, member(0), tokenImpl);
    }

    function test_MalformedSignatureIsRefused() public {
        AssetFactory.AssetParams memory p = params("relayed");
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 64));
        factory.createFor(p, founder, DEADLINE, new bytes(64));
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        factory.createFor(p, address(0), DEADLINE, new bytes(65));
    }

    /// forge-config: default.isolate = true
    function test_CreationCostsAtMostTwelveMillionGasEvenWithTheMostVerifiers() public {
        AssetFactory.AssetParams memory p = params("most");
        (p.verifiers, p.verifierRecipients) = verifierSet(sortedKeys("many", 64));
        factory.create(p);
        vm.assertLe(vm.lastCallGas().gasTotalUsed, 12_000_000, "gas with 64 verifiers");
        factory.create(params("usual"));
        vm.assertLe(vm.lastCallGas().gasTotalUsed, 1_500_000, "gas with 3 verifiers");
    }
}
